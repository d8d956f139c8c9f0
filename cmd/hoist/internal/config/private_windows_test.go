package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// TestHomeIsPrivate: whoever may look into the folder that holds the home may not look into the
// home, nor at a secret in it.
func TestHomeIsPrivate(t *testing.T) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("Wine keeps the modes of the system below it instead of access lists")
	}
	h := Home{Config: filepath.Join(t.TempDir(), "home")}
	h.State = h.Config
	if err := h.Ensure(); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(h.Config, "profiles", "default.secrets")
	if err := WriteFile(secret, []byte("x")); err != nil {
		t.Fatal(err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	// the system, the administrators, us
	allowed := []string{"S-1-5-18", "S-1-5-32-544", user.User.Sid.String()}
	for _, path := range []string{h.Config, secret} {
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
		sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
			windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			t.Fatal(err)
		}
		dacl, _, err := sd.DACL()
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint32(dacl.AceCount) {
			var ace *windows.ACCESS_ALLOWED_ACE
			if err := windows.GetAce(dacl, i, &ace); err != nil {
				t.Fatal(err)
			}
			sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)).String()
			if !slices.Contains(allowed, sid) && ace.Mask != 0 {
				t.Errorf("%s: %s has access %#x: %s", path, sid, ace.Mask, sd)
			}
		}
	}
}
