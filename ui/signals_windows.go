package ui

import "os"

func endSignals() []os.Signal { return []os.Signal{os.Interrupt} }
