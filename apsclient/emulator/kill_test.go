package emulator

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestKilledServer is the other process of TestSurvivesKill; by itself it does nothing.
func TestKilledServer(t *testing.T) {
	dir := os.Getenv("EMULATOR_TEST_DIR")
	if dir == "" {
		t.Skip("only as a child of TestSurvivesKill")
	}

	s, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}

	ln, err := s.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}

	fmt.Println("URL=" + ln.BaseURL)
	<-t.Context().Done() // until it is killed
}

func TestSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	start := func() (*api, *exec.Cmd) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledServer$")
		cmd.Env = append(os.Environ(), "EMULATOR_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}

		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if u, ok := strings.CutPrefix(lines.Text(), "URL="); ok {
				return &api{t: t, base: u,
					http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}, cmd
			}
		}

		t.Fatal("the server did not start")

		return nil, nil
	}
	a, cmd := start()
	a.token = a.login(allScopes)
	hub := a.call("GET", "/project/v1/hubs", nil).want(200).text("data/0/id")
	project := a.call("GET", "/project/v1/hubs/"+hub+"/projects", nil).want(200).text("data/0/id")
	folder := a.call("GET", "/project/v1/hubs/"+hub+"/projects/"+project+"/topFolders",
		nil).want(200).text("data/0/id")
	urn := a.call("POST", "/data/v1/projects/"+project+"/storage",
		storageBody(folder, "k.dwg")).want(201).text("data/id")
	p := objectPath(urn) + "/signeds3upload"

	up := a.call("GET", p+"?parts=3&minutesExpiration=60", nil).want(200)
	var tags []string
	for n := range 2 {
		tags = append(tags, unquote(
			a.put(up.text(fmt.Sprintf("urls/%d", n)), noise(5<<20)).want(200).header.Get("ETag")))
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	_ = cmd.Wait()

	token := a.token
	a, cmd = start()
	a.token = token // tokens, sessions and parts are still known
	again := a.call("GET", p+"?firstPart=3&uploadKey="+up.text("uploadKey"), nil).want(200)
	tags = append(tags, unquote(a.put(again.text("urls/0"), []byte("end")).want(200).header.Get("ETag")))
	a.call("POST", p, obj{"uploadKey": up.text("uploadKey"), "size": 10<<20 + 3, "eTags": tags}).want(
		200).has("objectId")
	a.call("POST", "/data/v1/projects/"+project+"/items", itemBody(folder, "k.dwg", urn)).want(201)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	_ = cmd.Wait()
	s, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if f, ok := s.File("Project Files/k.dwg"); !ok || f.Versions[0].Size != 10<<20+3 {
		t.Errorf("after the second kill: %+v", f)
	}
}
