package apsclient_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync/atomic"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

// demo is a client on a service in process; end frees both. Against the real service BaseURL and
// Transport stay empty.
func demo() (c *apsclient.Client, srv *emulator.Server, end func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}

	if srv, err = emulator.New(emulator.Config{Dir: dir}); err != nil {
		log.Fatal(err)
	}

	if err := srv.AddExamples(); err != nil {
		log.Fatal(err)
	}

	const base = "http://127.0.0.1"
	c, err = apsclient.New(apsclient.Config{
		BaseURL:   base,
		Transport: srv.Transport(),
		Tokens:    apsclient.ClientCredentials(base, emulator.DefaultClientID, emulator.DefaultClientSecret),
	})
	if err != nil {
		log.Fatal(err)
	}

	return c, srv, func() {
		c.Close()
		_ = srv.Close()
		_ = os.RemoveAll(dir)
	}
}

// Any action can be called by its name; the answer comes as the service gave it.
func ExampleClient_Do() {
	c, srv, end := demo()
	defer end()

	resp, err := c.Do(context.Background(), apsclient.Request{
		Action: "get-hub", Params: map[string]string{"hub_id": srv.Demo().Hub},
	})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(resp.Status, bytes.Contains(resp.Body, []byte("Demo Hub")))
	// Output: 200 true
}

// Lists are followed to their end, page by page.
func ExampleClient_Elements() {
	c, srv, end := demo()
	defer end()

	n := 0
	list := apsclient.Request{Action: "list-projects", Params: map[string]string{"hub_id": srv.Demo().Hub}}
	for _, err := range c.Elements(context.Background(), list) {
		if err != nil {
			log.Fatal(err)
		}

		n++
	}

	fmt.Println(n, "projects")
	// Output: 3 projects
}

func ExampleFoldersService_Contents() {
	c, _, end := demo()
	defer end()

	entries := c.Folders.Contents(context.Background(), "b.5c1f0000-0000-4000-8000-0000000000b3",
		"urn:adsk.wipprod:fs.folder:co.HoistDemoFolder0000001", apsclient.ContentsOptions{})
	for e, err := range entries {
		if err != nil {
			log.Fatal(err)
		}

		if e.Item != nil {
			fmt.Println(e.Item.Name, "version", e.Item.Tip.Number)
		}
	}

	// Output: hello.dwg version 1
}

// The bytes go to storage by signed URLs, which carry their own permission.
func ExampleDataService_PutPart() {
	c, _, end := demo()
	defer end()
	ctx := context.Background()

	id := apsclient.NewObjectID("hoist-demo-bucket", "plans/a.dwg")
	urls, err := c.Objects.UploadURLs(ctx, id, apsclient.UploadURLsRequest{Parts: 1})
	if err != nil {
		log.Fatal(err)
	}

	content := []byte("a drawing")
	etag, err := c.Data.PutPart(ctx, urls.URLs[0],
		apsclient.PartBody{R: bytes.NewReader(content), Size: int64(len(content))})
	if err != nil {
		log.Fatal(err)
	}

	object, err := c.Objects.Complete(ctx, id, apsclient.Completion{
		UploadKey: urls.UploadKey, Size: int64(len(content)), ETags: []string{etag},
	})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(object.ID, object.Size)
	// Output: urn:adsk.objects:os.object:hoist-demo-bucket/plans/a.dwg 9
}

// A bucket is made once, although the reply to its creation is lost.
func ExampleDoubt() {
	c, srv, end := demo()
	defer end()

	var calls atomic.Int32
	srv.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-bucket" && r.Method == http.MethodPost {
			calls.Add(1)
			return emulator.Fault{Kind: emulator.LoseReply}
		}

		return emulator.Fault{}
	})

	bucket, err := apsclient.Doubt[apsclient.Bucket]{
		Call: func(ctx context.Context) (apsclient.Bucket, error) {
			return c.Buckets.Create(ctx, "my-drawings", "persistent", "")
		},
		Look: func(ctx context.Context) (apsclient.Bucket, bool, error) {
			b, err := c.Buckets.Details(ctx, "my-drawings")
			return b, err == nil, err
		},
	}.Do(context.Background())
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(bucket.Key, bucket.Policy, "after", calls.Load(), "call")
	// Output: my-drawings persistent after 1 call
}
