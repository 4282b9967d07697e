//go:build !webrtc

package server

import "context"

// directs are no direct connections: this build makes none, and leaves every offer to the owner's phones.
type directs struct{}

func (h *home) openDirects() *directs { return nil }

func (d *directs) answer(context.Context, string, string) (string, error) { return "", errNoDirect }

func (d *directs) close() {}
