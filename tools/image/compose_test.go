package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestComposeFile reads docker-compose.yml as compose does, with its schema, and looks whether the pod is confined.
func TestComposeFile(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join("..", "..", "docker-compose.yml")}, cli.WithName("kith"), cli.WithProfiles([]string{"home"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 1 {
		t.Fatalf("the profile has %v", project.ServiceNames())
	}
	s, err := project.GetService("kith")
	if err != nil {
		t.Fatal(err)
	}
	check := order{}.configuration(nil).Config.Healthcheck
	for what, ok := range map[string]bool{
		"only its volume is written to":   s.ReadOnly && len(s.Volumes) == 1 && s.Volumes[0].Type == types.VolumeTypeVolume && s.Volumes[0].Target == "/data",
		"no capabilities":                 slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0 && !s.Privileged,
		"no new privileges":               slices.Contains(s.SecurityOpt, "no-new-privileges:true"),
		"bounded memory and processes":    s.MemLimit == 384<<20 && s.PidsLimit == 256,
		"an account without rights":       s.User == "65532:65532",
		"reached from this machine only":  len(s.Ports) == 1 && s.Ports[0].HostIP == "127.0.0.1" && s.Ports[0].Target == 8420 && s.Ports[0].Published == "8420",
		"the image that make image makes": s.Image == "kith:latest" && s.PullPolicy == types.PullPolicyNever,
		"looked after as the image says":  s.HealthCheck != nil && slices.Equal(s.HealthCheck.Test, check.Test) && time.Duration(*s.HealthCheck.Interval) == check.Interval,
		"what the image itself runs":      slices.Equal(s.Command, order{}.configuration(nil).Config.Cmd),
	} {
		if !ok {
			t.Errorf("%s: no", what)
		}
	}
	if others, err := cli.NewProjectOptions([]string{filepath.Join("..", "..", "docker-compose.yml")}, cli.WithName("kith")); err != nil {
		t.Error(err)
	} else if p, err := others.LoadProject(t.Context()); err != nil || len(p.Services) != 0 {
		t.Errorf("without a profile: %v %v", p, err)
	}
}
