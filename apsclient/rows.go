package apsclient

func registryRows() []Action { return nil }
