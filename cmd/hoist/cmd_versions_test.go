package main

import (
	"net/url"
	"strings"
	"testing"

	"hoist/apsclient"
	"hoist/transfer/remote"
)

func TestCleanLink(t *testing.T) {
	const page = "https://acc.autodesk.com/docs/files/projects/1?folderUrn=urn%3Aadsk&entityId=urn%3Ax"

	for _, tt := range []struct{ name, link, want string }{
		{"as it is", page, page},
		{"an escape sequence", "https://acc.autodesk.com/a\x1b[31mb", "https://acc.autodesk.com/a[31mb"},
		{"line ends and blanks", " https://acc.autodesk.com/a\r\nb?c=d e\n",
			"https://acc.autodesk.com/ab?c=d%20e"},
		{"letters turned round", "https://acc.autodesk.com/a?b=\u202egpj\u0085",
			"https://acc.autodesk.com/a?b=gpj"},
		{"user and password", "https://me:pass@acc.autodesk.com/a", "https://acc.autodesk.com/a"},
		{"a token", "https://acc.autodesk.com/a?access_token=S&x=1&X-Amz-Signature=S&%74oken=S",
			"https://acc.autodesk.com/a?x=1"},
		{"a token in the fragment", "https://acc.autodesk.com/a#access_token=S",
			"https://acc.autodesk.com/a"},
		{"a place in the page", "https://acc.autodesk.com/a#top", "https://acc.autodesk.com/a#top"},
		{"another scheme", "javascript:alert(1)", ""},
		{"no host", "https:///a", ""},
		{"no link", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := cleanLink(tt.link); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWebLinkIsClean(t *testing.T) {
	p := remote.Place{Kind: remote.KindItem}
	p.Project.ID, p.Folder.ID, p.Item.ID = "b.1", "urn:f", "urn:i"
	p.Item.Tip = &apsclient.Version{WebURL: "https://u:p@acc.autodesk.com/a\x1b"}
	if link, err := webLink(p); err != nil || link != "https://acc.autodesk.com/a" {
		t.Errorf("got %q, %v", link, err)
	}

	p.Item.Tip.WebURL = "file:///etc/passwd"
	link, err := webLink(p)
	if u, bad := url.Parse(link); err != nil || bad != nil || u.Host != "acc.autodesk.com" ||
		!strings.Contains(link, "entityId=urn%3Ai") {
		t.Errorf("got %q, %v", link, err)
	}
}
