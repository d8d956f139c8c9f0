package apsclient

// WebhooksService are the webhook calls.
type WebhooksService struct{ c *Client }

// AdminService are the account administration calls.
type AdminService struct{ c *Client }
