package apsclient

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"iter"
	"net/http"
	"time"
)

type Limits map[BudgetClass]int

func DocumentedLimits() Limits                      { return Limits{} }
func ServerLimits() Limits                          { return nil }
func ParseLimits(data []byte) (Limits, error)       { return nil, errors.ErrUnsupported }
func LoadRoots(file string) (*x509.CertPool, error) { return nil, errors.ErrUnsupported }

var TransferScopes = []string{"data:read", "data:write", "data:create"}
var TransferScopesOSS = []string{"data:read", "data:write", "data:create", "bucket:read"}

type Failure struct{ Kind string }

func AnswerOf(resp *Response, err error) *Response { return resp }

type BudgetState struct {
	Class            BudgetClass
	Limit, Available int
	ClosedUntil      time.Time
}
type Client struct {
	Hubs     *HubsService
	Projects *ProjectsService
	Folders  *FoldersService
	Items    *ItemsService
	Versions *VersionsService
	Buckets  *BucketsService
	Objects  *ObjectsService
	Data     *DataService
}

func New(Config) (*Client, error)                     { return nil, errors.ErrUnsupported }
func (c *Client) Close()                              {}
func (c *Client) WithScopes(scopes ...string) *Client { return c }
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	return nil, errors.ErrUnsupported
}
func (c *Client) Budgets() []BudgetState                             { return nil }
func (c *Client) BudgetFree(class BudgetClass) (n int, at time.Time) { return 0, time.Time{} }
func (c *Client) TokenRequests() int64                               { return 0 }

type TokenOption func(*tokenConfig)
type tokenConfig struct{}

func WithTokenHTTPClient(h *http.Client) TokenOption { return nil }
func ClientCredentials(baseURL, clientID string, secret Secret, opts ...TokenOption) TokenSource {
	return nil
}

type (
	HubsService     struct{ c *Client }
	ProjectsService struct{ c *Client }
	FoldersService  struct{ c *Client }
	ItemsService    struct{ c *Client }
	VersionsService struct{ c *Client }
	BucketsService  struct{ c *Client }
	ObjectsService  struct{ c *Client }
	DataService     struct{ c *Client }
)

var errU = errors.ErrUnsupported

func (s *HubsService) List(ctx context.Context) ([]Hub, []Warning, error) { return nil, nil, errU }
func (s *HubsService) Hub(ctx context.Context, id HubID) (Hub, error)     { return Hub{}, errU }
func (s *ProjectsService) List(ctx context.Context, hub HubID) iter.Seq2[Project, error] {
	return nil
}
func (s *ProjectsService) Project(ctx context.Context, hub HubID, id ProjectID) (Project, error) {
	return Project{}, errU
}
func (s *ProjectsService) TopFolders(ctx context.Context, hub HubID, id ProjectID) ([]Folder, error) {
	return nil, errU
}
func (s *FoldersService) Folder(ctx context.Context, p ProjectID, id FolderID) (Folder, error) {
	return Folder{}, errU
}
func (s *FoldersService) Contents(ctx context.Context, p ProjectID, id FolderID, o ContentsOptions) iter.Seq2[Entry, error] {
	return nil
}
func (s *FoldersService) Create(ctx context.Context, p ProjectID, parent Folder, name string) (Folder, error) {
	return Folder{}, errU
}
func (s *FoldersService) Update(ctx context.Context, p ProjectID, id FolderID, u FolderUpdate) (Folder, error) {
	return Folder{}, errU
}
func (s *ItemsService) CreateStorage(ctx context.Context, p ProjectID, f FolderID, name string) (ObjectID, error) {
	return "", errU
}
func (s *ItemsService) Item(ctx context.Context, p ProjectID, id ItemID) (Item, error) {
	return Item{}, errU
}
func (s *ItemsService) Create(ctx context.Context, p ProjectID, n NewItem) (Item, error) {
	return Item{}, errU
}
func (s *ItemsService) Versions(ctx context.Context, p ProjectID, id ItemID) iter.Seq2[Version, error] {
	return nil
}
func (s *ItemsService) Tip(ctx context.Context, p ProjectID, id ItemID) (Version, error) {
	return Version{}, errU
}
func (s *VersionsService) Version(ctx context.Context, p ProjectID, id VersionID) (Version, error) {
	return Version{}, errU
}
func (s *VersionsService) Create(ctx context.Context, p ProjectID, n NewVersion) (Version, error) {
	return Version{}, errU
}
func (s *BucketsService) List(ctx context.Context, region string) iter.Seq2[Bucket, error] {
	return nil
}
func (s *BucketsService) Details(ctx context.Context, key string) (Bucket, error) {
	return Bucket{}, errU
}
func (s *BucketsService) Create(ctx context.Context, key, policy, region string) (Bucket, error) {
	return Bucket{}, errU
}
func (s *BucketsService) Delete(ctx context.Context, key string) error { return errU }
func (s *ObjectsService) List(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error] {
	return nil
}
func (s *ObjectsService) Details(ctx context.Context, id ObjectID) (Object, error) {
	return Object{}, errU
}
func (s *ObjectsService) UploadURLs(ctx context.Context, id ObjectID, r UploadURLsRequest) (UploadURLs, error) {
	return UploadURLs{}, errU
}
func (s *ObjectsService) Complete(ctx context.Context, id ObjectID, c Completion) (CompletedObject, error) {
	return CompletedObject{}, errU
}
func (s *ObjectsService) DownloadURL(ctx context.Context, id ObjectID, r DownloadURLRequest) (Download, error) {
	return Download{}, errU
}
func (s *ObjectsService) Delete(ctx context.Context, id ObjectID) error { return errU }

// BatchResult is the outcome of one object of a batch call: Err is set or the value.
type BatchURLs struct {
	UploadURLs
	Err error
}
type BatchCompleted struct {
	CompletedObject
	Err error
}

func (s *ObjectsService) BatchUploadURLs(ctx context.Context, bucket string, reqs map[string]UploadURLsRequest) (map[string]BatchURLs, error) {
	return nil, errU
}
func (s *ObjectsService) BatchComplete(ctx context.Context, bucket string, reqs map[string]Completion) (map[string]BatchCompleted, error) {
	return nil, errU
}

type PartBody struct {
	R            io.ReaderAt
	Offset, Size int64
	// Sent is called with the bytes handed over since the last call; negative when they must be sent again. Nil: none.
	Sent func(n int)
}

func (s *DataService) PutPart(ctx context.Context, u SignedURL, b PartBody) (etag string, err error) {
	return "", errU
}

type Ranged struct {
	Body  io.ReadCloser
	ETag  string
	Total int64
}

func (s *DataService) GetRange(ctx context.Context, u SignedURL, from, to int64, ifMatch string) (*Ranged, error) {
	return nil, errU
}
