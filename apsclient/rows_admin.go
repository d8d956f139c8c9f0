package apsclient

func adminRows() []Action { return nil }
