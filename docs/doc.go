// Package docs holds the documents. It has no code: its tests hold the documents to what the
// program does.
package docs
