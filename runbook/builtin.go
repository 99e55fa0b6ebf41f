package runbook

import "embed"

//go:embed builtin/*.md
var builtinFiles embed.FS

// Builtin gives the source of a runbook that comes with flightdeck: "deploy" or "rollback".
func Builtin(name string) (source []byte, ok bool) {
	for _, known := range BuiltinNames() {
		if name == known {
			source, err := builtinFiles.ReadFile("builtin/" + name + ".md")
			return source, err == nil
		}
	}
	return nil, false
}

// BuiltinNames lists the runbooks that come with flightdeck.
func BuiltinNames() []string { return []string{"deploy", "rollback"} }
