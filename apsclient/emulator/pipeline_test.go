package emulator

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)

	return b
}

func TestPipeline(t *testing.T) {
	a := newAPI(t, Config{})
	hub := a.call("GET", "/project/v1/hubs", nil).want(200)
	if hub.text("data/0/attributes/name") != "Demo Hub" {
		t.Fatalf("first hub: %s", hub.raw)
	}

	projects := a.call("GET", "/project/v1/hubs/"+hub.text("data/0/id")+"/projects", nil).want(200)
	project := projects.text("data/0/id")
	top := a.call("GET", "/project/v1/hubs/"+hub.text("data/0/id")+"/projects/"+project+"/topFolders",
		nil).want(200)
	if top.text("data/0/attributes/name") != "Project Files" {
		t.Fatalf("top folders: %s", top.raw)
	}

	folder := top.text("data/0/id")
	content := append(noise(6<<20), make([]byte, 7<<20)...)
	content = append(content, noise(1000)...)
	urn := a.storage("a b.dwg")
	a.upload(urn, content[:6<<20], content[6<<20:13<<20], content[13<<20:])
	made := a.call("POST", "/data/v1/projects/"+project+"/items", itemBody(folder, "a b.dwg", urn)).want(201)
	item := made.text("data/id")
	list := a.call("GET", "/data/v1/projects/"+project+"/folders/"+esc(folder)+"/contents", nil).want(200)
	if got := list.text("included/0/relationships/storage/data/id"); got != urn {
		t.Errorf("tip's storage is %s, want %s", got, urn)
	}

	urn2 := a.storage("a b.dwg")
	a.upload(urn2, []byte("second"))
	v2 := a.call("POST", "/data/v1/projects/"+project+"/versions",
		versionBody(item, "a b.dwg", urn2)).want(201)
	if got := v2.at("data/attributes/versionNumber"); got != 2.0 {
		t.Errorf("version number %v, want 2", got)
	}

	a.call("GET", "/data/v1/projects/"+project+"/versions/"+esc(v2.text("data/id")), nil).want(200)
	if got := a.call("GET", "/data/v1/projects/"+project+"/items/"+esc(item)+"/versions",
		nil).want(200).len("data"); got != 2 {
		t.Errorf("%d versions, want 2", got)
	}

	// and back
	dl := a.call("GET", objectPath(urn)+"/signeds3download", nil).want(200)
	sum := sha1.Sum(content)
	if dl.text("status") != "complete" || dl.text("sha1") != hex.EncodeToString(sum[:]) {
		t.Fatalf("download: %s", dl.raw)
	}

	get := a.send(a.request("GET", dl.text("url"), nil)).want(200)
	if !bytes.Equal(get.raw, content) {
		t.Error("bytes differ")
	}

	for _, r := range [][2]int{{0, 0}, {5, 6<<20 + 10}, {6<<20 - 1, 13 << 20}, {13<<20 + 999, 13<<20 + 999},
		{12 << 20, 1 << 30}} {
		req := a.request("GET", dl.text("url"), nil)
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", r[0], r[1]))
		req.Header.Set("If-Match", get.header.Get("ETag"))
		part := a.send(req).want(206)
		end := min(r[1]+1, len(content))
		if !bytes.Equal(part.raw, content[r[0]:end]) {
			t.Errorf("range %v differs", r)
		}

		if got, want := part.header.Get("Content-Range"),
			fmt.Sprintf("bytes %d-%d/%d", r[0], end-1, len(content)); got != want {
			t.Errorf("Content-Range %q, want %q", got, want)
		}
	}

	info, ok := a.s.File("Project Files/a b.dwg")
	if !ok || len(info.Versions) != 2 || info.Versions[1].Size != 6 {
		t.Errorf("file info %+v", info)
	}

	body, err := a.s.ReadVersion(info.Versions[1].ID)
	if err != nil {
		t.Fatal(err)
	}

	if raw, err := io.ReadAll(body); err != nil || string(raw) != "second" {
		t.Errorf("read version: %q, %v", raw, err)
	}
}

func TestSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	a := newAPI(t, Config{Dir: dir})
	item, _, urn := a.publish("keep.dwg", "kept")
	open := a.storage("open.dwg")
	p := objectPath(open) + "/signeds3upload"
	up := a.call("GET", p+"?parts=2", nil).want(200)
	part := noise(5 << 20)
	a.put(up.text("urls/0"), part).want(200)
	if err := a.s.Close(); err != nil {
		t.Fatal(err)
	}

	if r := a.call("GET", p, nil); r.err == nil {
		t.Errorf("a closed server answered %d", r.status)
	}

	// a killed process leaves a torn line and a half-written blob behind
	f, err := os.OpenFile(a.s.metaPath(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := f.WriteString(`{"k":"item","i":"torn`); err != nil {
		t.Fatal(err)
	}

	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	stray, err := a.s.createBlob(randomHex(16))
	if err != nil {
		t.Fatal(err)
	}

	if err := stray.Close(); err != nil {
		t.Fatal(err)
	}

	s2, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	b := &api{t: t, s: s2, base: base, http: &http.Client{Transport: s2.Transport()}, token: a.token}
	d := s2.Demo()
	b.call("GET", "/data/v1/projects/"+d.Project+"/items/"+esc(item), nil).want(200)
	if got := b.call("GET", objectPath(urn)+"/details", nil).want(200).at("size"); got != 4.0 {
		t.Errorf("size %v, want 4", got)
	}

	last := b.put(up.text("urls/1"), []byte("tail")).want(200)
	sum := md5.Sum(part)
	b.call("POST", p, obj{"uploadKey": up.text("uploadKey"), "size": 5<<20 + 4,
		"eTags": []string{hex.EncodeToString(sum[:]), unquote(last.header.Get("ETag"))}}).
		want(200).has("objectId")
	b.call("POST", "/data/v1/projects/"+d.Project+"/items", itemBody(d.Folder, "keep.dwg", urn)).want(409)
	if _, err := os.Stat(stray.Name()); !os.IsNotExist(err) {
		t.Errorf("stray blob is still there: %v", err)
	}
}

func TestSparse(t *testing.T) {
	a := newAPI(t, Config{})
	urn := a.storage("big.rvt")
	p := objectPath(urn) + "/signeds3upload"
	up := a.call("GET", p+"?parts=4", nil).want(200)

	const size = 32 << 20
	var tags []string
	for n := range 4 {
		req := a.request("PUT", up.text(fmt.Sprintf("urls/%d", n)), io.LimitReader(zeroReader{}, size))
		req.ContentLength = size
		tags = append(tags, unquote(a.send(req).want(200).header.Get("ETag")))
	}

	sum := md5.Sum(make([]byte, size))
	if tags[0] != hex.EncodeToString(sum[:]) || tags[3] != tags[0] {
		t.Errorf("ETags of zeros: %v", tags)
	}

	a.call("POST", p, obj{"uploadKey": up.text("uploadKey"), "size": 4 * size, "eTags": tags}).want(200).has(
		"objectId")
	files, err := os.ReadDir(a.s.cfg.Dir + "/blobs")
	if err != nil || len(files) != 0 {
		t.Errorf("zeros took files: %v, %v", files, err)
	}

	dl := a.call("GET", objectPath(urn)+"/signeds3download", nil).want(200)
	got := a.send(a.request("GET", dl.text("url"), nil)).want(200)
	if len(got.raw) != 4*size || bytes.Count(got.raw, []byte{0}) != 4*size {
		t.Error("zeros came back as something else")
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, Config{})
		_, version, _ := a.publish("a.dwg", "in a bubble")
		time.Sleep(59 * time.Minute)
		d := a.s.Demo()
		a.call("GET", "/data/v1/projects/"+d.Project+"/versions/"+esc(version), nil).want(200)
		time.Sleep(time.Minute)
		a.call("GET", "/data/v1/projects/"+d.Project+"/versions/"+esc(version), nil).want(401).has("AUTH-006")
		a.token = a.login(allScopes)
		// an answer that is left half-read and a request that is given up leave nothing behind
		urn := a.storage("b.dwg")
		a.upload(urn, noise(3<<20))
		u := a.call("GET", objectPath(urn)+"/signeds3download", nil).want(200).text("url")
		resp, err := a.http.Do(a.request("GET", u, nil))
		if err != nil {
			t.Fatal(err)
		}

		if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}

		resp.Body.Close()
		synctest.Wait()
	})
}

func TestListenTLS(t *testing.T) {
	a := newAPI(t, Config{})
	ln, err := a.s.Listen("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}

	if !strings.HasPrefix(ln.BaseURL, "https://127.0.0.1:") {
		t.Errorf("base URL %s", ln.BaseURL)
	}

	pool := trust(t, ln.CertFile)
	a.base, a.http = ln.BaseURL, &http.Client{Transport: pool}
	defer pool.CloseIdleConnections()
	a.publish("tls.dwg", "over TLS")
	info, _ := a.s.File("Project Files/tls.dwg")
	u := a.call("GET", objectPath(info.Versions[0].Storage)+"/signeds3download", nil).want(200).text("url")
	if !strings.HasPrefix(u, ln.BaseURL+"/s3/") {
		t.Errorf("signed URL %s does not carry the address that was asked", u)
	}

	if got := a.send(a.request("GET", u, nil)).want(200); string(got.raw) != "over TLS" {
		t.Errorf("got %q", got.raw)
	}
}

// TestListenEverywhere: the address that is printed is one that clients take, without TLS too.
func TestListenEverywhere(t *testing.T) {
	a := newAPI(t, Config{})
	ln, err := a.s.Listen(":0", false)
	if err != nil {
		t.Fatal(err)
	}

	if !strings.HasPrefix(ln.BaseURL, "http://127.0.0.1:") {
		t.Fatalf("base URL %s", ln.BaseURL)
	}

	resp, err := http.Get(ln.BaseURL + "/project/v1/hubs")
	if err != nil {
		t.Fatal(err)
	}

	resp.Body.Close()
}
