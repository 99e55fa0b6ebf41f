package stack

import "strings"

// Up counts the containers that are as they should be, of all that belong to the release: running
// and not unhealthy or still starting, or ended well and meant to.
func (s Snapshot) Up() (up, total int) {
	for _, c := range s.Containers {
		if c.OneOff {
			continue
		}
		total++
		if c.OneShot || c.State == "running" && (c.Health == "" || c.Health == "healthy") {
			up++
		}
	}
	return up, total
}

// Version is the tag that all images of the snapshot share, else the tag of the most, else the
// short ID of the first image. It is a name for people, never a means to find an image.
func (s Snapshot) Version() string {
	count := map[string]int{}
	best := ""
	for _, c := range s.Containers {
		tag := Tag(c.Image)
		if c.OneOff || tag == "" {
			continue
		}
		count[tag]++
		if best == "" || count[tag] > count[best] {
			best = tag
		}
	}
	if best == "" && len(s.Containers) > 0 {
		return ShortID(s.Containers[0].ImageID)
	}
	return best
}

// Tag is the tag of an image reference; "" if it has none or is an ID or digest only.
func Tag(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	slash := strings.LastIndexByte(ref, '/')
	colon := strings.LastIndexByte(ref, ':')
	if colon <= slash || strings.HasPrefix(ref, "sha256:") {
		return ""
	}
	return ref[colon+1:]
}

// ShortID is the first 12 digits of an image or container ID, as docker shows it.
func ShortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
