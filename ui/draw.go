package ui

// The parts of the frame that are drawn apart and kept until something in them changed.
const (
	blockBanner = iota
	blockTree
	blockStep
	blockList
	blockDetail
	blockBack
	blocks
)

// key is everything but the data that a drawn block depends on.
type key struct {
	w, h    int
	focused bool
	dark    bool
	second  int64 // ages move once a second
	extra   int
}

// block is a piece of the frame as it was drawn last.
type block struct {
	at    key
	text  string
	stale bool
	has   bool
}

func (b *block) get(at key, draw func() string) string {
	if !b.has || b.stale || b.at != at {
		b.text, b.at, b.has, b.stale = draw(), at, true, false
	}
	return b.text
}

// drawn is what View keeps between two frames: View runs after every message, the picture changes
// far less often.
type drawn struct {
	dirty   bool
	frame   string
	blocks  [blocks]block
	base    string // under the last overlay
	box     string
	overlay string
}

func (d *drawn) touch(which ...int) {
	for _, i := range which {
		d.blocks[i].stale = true
	}
	d.dirty = true
}
