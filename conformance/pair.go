package conformance

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// Pairing is what a pairing link says: where a pod is, and the secret that pairs once.
type Pairing struct {
	Pod, Issuer, Secret string
}

// parsePairing reads a link BASE/#pair=…, of a pod that has an address.
func parsePairing(link string) (Pairing, error) {
	_, text, found := strings.Cut(link, "#pair=")
	raw, err := b64.DecodeString(text)
	if !found || err != nil || len(raw) < 18 || raw[0] != 1 || len(raw) != 18+int(raw[17])+1 || raw[len(raw)-1] != 0 {
		return Pairing{}, fmt.Errorf("read pairing link %q: %w", link, err)
	}
	pod := string(raw[18 : len(raw)-1])
	issuer, _, _ := strings.Cut(pod, "/"+path.Base(pod)+"/")
	return Pairing{Pod: pod, Issuer: issuer, Secret: b64.EncodeToString(raw[1:17])}, nil
}

// at returns the pod that p pairs with.
func (p Pairing) at() Pod { return Pod{URL: p.Pod, Issuer: p.Issuer} }

// request returns the request with which the person's first device pairs.
func (p Pairing) request(person *Person) (Request, error) {
	return jsonRequest(http.MethodPost, ".pair", map[string]any{
		"secret": p.Secret, "device_list": person.List, "keys": person.Keys, "name": person.Name,
	})
}

// paired is what the pod answers to the first device.
type paired struct {
	WebID  string `json:"webid"`
	Issuer string `json:"issuer"`
	Pod    string `json:"pod"`
	Device struct {
		Kid   string            `json:"kid"`
		Name  string            `json:"name"`
		Agree map[string]string `json:"agree"`
	} `json:"device"`
}

// Pair makes the person the owner of the pod, names the pod among the person's devices and publishes the
// new lists there. It returns the person's first device as the one that asks.
func (p Pairing) Pair(ctx context.Context, w *Wire, person *Person) (*Replica, error) {
	stranger := &Agent{Wire: w, Pod: p.at()}
	r, err := p.request(person)
	if err != nil {
		return nil, err
	}
	var answer paired
	if err := stranger.into(ctx, r, http.StatusOK, &answer); err != nil {
		return nil, fmt.Errorf("pair: %w", err)
	}
	point, err := fromJWK(answer.Device.Agree)
	if err != nil {
		return nil, fmt.Errorf("pair: %w", err)
	}
	pod := &Device{Name: answer.Device.Name, May: []string{"answer", "accept"}, kid: answer.Device.Kid, point: point}
	if err := person.Announce(append(person.Devices, pod)...); err != nil {
		return nil, err
	}
	owner := &Replica{Agent: &Agent{Wire: w, Pod: p.at(), Device: person.Devices[0]}}
	return owner, owner.publish(ctx, person)
}

// publish writes the person's lists where the pod looks for them.
func (r *Replica) publish(ctx context.Context, person *Person) error {
	if err := r.Put(ctx, "profile/devices", "application/jose", []byte(person.List)); err != nil {
		return err
	}
	return r.Put(ctx, "profile/keys", "application/jose", []byte(person.Keys))
}

// joinSecret is what the pod is told of a device link's secret.
func joinSecret(secret []byte) string {
	sum := sha256.Sum256(append([]byte("kith join 1"), secret...))
	return b64.EncodeToString(sum[:])
}

// joinMAC ties a device's keys to the secret of its link.
func joinMAC(secret []byte, d *Device) string {
	j := jwk(d.point)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("kith join 1" + d.kid + j["x"] + "." + j["y"]))
	return b64.EncodeToString(h.Sum(nil))
}

// jsonRequest returns a request with a JSON body.
func jsonRequest(method, target string, v any) (Request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Request{}, fmt.Errorf("write JSON: %w", err)
	}
	return Request{Method: method, Target: target, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}, nil
}

// into sends a request, asks for a status, and reads the JSON that comes back. Another status is a *refused.
func (a *Agent) into(ctx context.Context, r Request, status int, v any) error {
	answer, err := a.Do(ctx, r)
	if err != nil {
		return err
	}
	if answer.Status != status {
		return &refused{answer}
	}
	if err := json.Unmarshal(answer.Body, v); err != nil {
		return fmt.Errorf("read %s: %w", r.Target, err)
	}
	return nil
}
