// Package examples holds projects that flightdeck can write out and fly: the sample shop.
//
// Its one rule: an example is complete by itself and is used by hand just as the demo uses it.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed all:shop
var files embed.FS

// Shop gives the files of the sample shop: compose.yaml, flightdeck.yaml, local.yaml, runbooks/.
func Shop() fs.FS {
	sub, err := fs.Sub(files, "shop")
	if err != nil {
		return files // only an invalid name makes an error, and this one is fixed
	}
	return sub
}
