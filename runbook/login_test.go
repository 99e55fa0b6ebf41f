package runbook

import "testing"

func TestOtherShellsAreNotRunAsOne(t *testing.T) {
	for text, runs := range map[string]bool{
		"ssh user@server\ncd /srv":               false,
		"ssh user@server":                        false,
		"ssh -p 22 -i key host\nls":              false,
		"cd /srv && ssh host\nls":                false,
		"sudo su\nls":                            false,
		"sudo -i":                                false,
		"sudo su - postgres\npsql":               false,
		"sudo bash":                              false,
		"su -\nls":                               false,
		"docker exec -it app bash\nls":           false,
		"docker compose exec app sh":             false,
		"kubectl exec -it app -- /bin/bash\nls":  false,
		"ssh host 'ls'\nls":                      true,
		"ssh host ls":                            true,
		"ssh -N -L 1:a:1 host":                   true,
		"ssh host <<E\nls\nE\nls":                true,
		"echo ls | ssh host\nls":                 true,
		"sudo systemctl restart x\nls":           true,
		"sudo bash x.sh":                         true,
		"su -c ls x\nls":                         true,
		"docker exec app ls":                     true,
		"docker compose run --rm app sh -lc 'x'": true,
		"bash x.sh":                              true,
	} {
		book := Parse("f.md", []byte(inFence("bash", text)))
		if got := len(book.Steps()) == 1; got != runs {
			t.Errorf("%q: runs is %v; %s", text, got, problemsOf(book))
		}
	}
	if book := Parse("f.md", []byte(inFence("bash {terminal=true}", "docker exec -it app bash"))); len(book.Steps()) != 1 {
		t.Errorf("a shell alone with terminal=true: %s", problemsOf(book))
	}
	if book := Parse("f.md", []byte(inFence("bash {terminal=true}", "ssh host\nls"))); len(book.Steps()) != 0 {
		t.Error("commands behind a login would run here")
	}
}
