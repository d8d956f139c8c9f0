package apsclient

func webhookRows() []Action { return nil }
