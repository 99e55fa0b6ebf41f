package docker

import (
	"errors"
	"strings"
	"testing"
)

func TestPickTool(t *testing.T) {
	v1 := tool{"v1", []string{"docker-compose"}, "1.29.2"}
	v2 := tool{"v2", []string{"docker", "compose"}, "2.40.3"}
	v5 := tool{"v2", []string{"docker-compose"}, "5.1.0"}
	for _, test := range []struct {
		name       string
		installed  []tool
		made, wish string
		want       string
		says       string
	}{
		{"nothing yet, both", []tool{v2, v1}, "", "", "docker compose 2.40.3", ""},
		{"nothing yet, old only", []tool{v1}, "", "", "docker-compose 1.29.2", ""},
		{"nothing yet, a wish", []tool{v2, v1}, "", "v1", "docker-compose 1.29.2", ""},
		{"a wish that is not there", []tool{v1}, "", "v2", "", "only docker-compose 1.29.2 is installed"},
		{"made by the old", []tool{v2, v1}, "1.25.0", "", "docker-compose 1.29.2", ""},
		{"made by the new", []tool{v2, v1}, "2.1.0", "", "docker compose 2.40.3", ""},
		{"made by the new, standalone", []tool{v5}, "2.1.0", "", "docker-compose 5.1.0", ""},
		{"made by the old, only new", []tool{v2}, "1.29.2", "", "", "made with compose 1.29.2, but only docker compose 2.40.3 is installed here: the other generation would recreate every container"},
		{"made by the new, only old", []tool{v1}, "2.40.3", "", "", "made with compose 2.40.3, but only docker-compose 1.29.2 is installed here"},
		{"a wish against the label", []tool{v2, v1}, "1.29.2", "v2", "", "Unset FLIGHTDECK_COMPOSE"},
		{"a wish with the label", []tool{v2, v1}, "1.29.2", "v1", "docker-compose 1.29.2", ""},
		{"a bad wish", []tool{v2}, "", "v3", "", "is not a generation"},
		{"nothing installed", nil, "2.40.3", "", "", "no compose tool is installed"},
	} {
		got, err := pickTool(test.installed, test.made, test.wish, "shop")
		switch {
		case test.says == "" && (err != nil || got.String() != test.want):
			t.Errorf("%s: %s, %v", test.name, got, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestComposeErrorsHaveRemedies(t *testing.T) {
	for text, says := range map[string]string{
		"driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:8080 failed: port is already allocated":         "publish=8080",
		"Error starting userland proxy: listen tcp4 0.0.0.0:5432: bind: address already in use":                                          "sport = :5432",
		"Error response from daemon: pull access denied for shop, repository does not exist or may require 'docker login'":               "docker login",
		"manifest for shop:v9 not found: manifest unknown: manifest unknown":                                                             "check its name and version",
		"failed to register layer: write /x: no space left on device":                                                                    "docker system df",
		"no configuration file provided: not found":                                                                                      "There is no compose file",
		"validating /x/compose.yaml: services.web additional properties 'imagee' not allowed":                                            "Correct the compose file",
		"dependency failed to start: container shop-db-1 is unhealthy":                                                                   "look at its log",
		"Get \"https://registry.example.com/v2/\": dial tcp: lookup registry.example.com on 10.0.0.2:53: no such host":                   "registry cannot be reached",
		"error while interpolating services.web.image: required variable TAG is missing a value: set TAG":                                "Set the variable",
		"Error response from daemon: Conflict. The container name \"/shop-web-1\" is already in use by container \"abc\"":                "left over",
		"time=\"2026\" level=warning msg=\"The \\\"X\\\" variable is not set. Defaulting to a blank string.\"\nenv file .env2 not found": "Make the env file",
	} {
		err := composeError([]string{"docker", "compose", "-p", "shop", "up", "-d"}, text, errors.New("exit status 1"))
		if !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "docker compose up failed") {
			t.Errorf("%v", err)
		}
		if strings.Contains(err.Error(), "level=warning") {
			t.Errorf("a warning is given as the cause: %v", err)
		}
	}
}
