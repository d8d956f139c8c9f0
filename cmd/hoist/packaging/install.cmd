@echo off
rem Copies hoist for the user who runs this. The path is left alone; removing the folder removes hoist, and the home stays.
setlocal
set "to=%LOCALAPPDATA%\Programs\hoist"
if not exist "%to%" mkdir "%to%" || exit /b 1
copy /y "%~dp0hoist.exe" "%to%\hoist.exe" >nul || exit /b 1
echo hoist is in %to%
echo Next: "%to%\hoist.exe" login, "%to%\hoist.exe" watch add FOLDER REMOTE, "%to%\hoist.exe" service install
