package podtest

import "testing"

func runModel(t *testing.T, make Maker) {}
func runRace(t *testing.T, make Maker)  {}
