package server

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"kith/sealed"
	"kith/webid"
	"kith/webid/invite"
)

// backUp keeps the pod at a place, and returns what opens it.
func (b *befriended) backUp(place string) (kit string) {
	b.t.Helper()
	ctx, o := b.t.Context(), Person{b.config, DefaultName}
	made, err := o.AddBackup(ctx, place, "", "", day)
	if err == nil {
		err = b.me().backUp(ctx)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the backup is made", func() bool {
		now, err := o.backup(ctx, made.ID)
		return err == nil && now.Done != nil && !now.Waiting()
	})
	if kit, err = o.Kit(ctx, made.ID); err != nil || kit == "" {
		b.t.Fatal(kit, err)
	}
	return kit
}

// lose ends the machine of the pod for good, and makes the pod again on another one, out of a backup.
func (b *befriended) lose(place, kit string) {
	b.t.Helper()
	config := b.config
	b.stop()
	b.dir = b.t.TempDir()
	config.Data = b.dir
	if _, _, err := Restore(b.t.Context(), config, place, "", "", kit, nil); err != nil {
		b.t.Fatal(err)
	}
	b.start()
	b.me() // as the server does for all whom it finds
}

// again pairs a phone with a pod that has its person as its owner already, by a link that is made on the machine, and
// lists the pod as a device.
func (b *befriended) again(id string) {
	b.t.Helper()
	h := b.owner
	made, err := Pair(b.t.Context(), b.config, DefaultName)
	if err != nil || len(made.Silent) > 0 {
		b.t.Fatal(made, err)
	}
	link, err := invite.ParsePairing(made.Link)
	if err != nil || len(link.Via) == 0 {
		b.t.Fatalf("link %+v: %v", link, err)
	}
	body, err := json.Marshal(map[string]any{"secret": link.Secret, "device_list": h.lists.Devices.String(), "keys": h.lists.Keys.String(), "name": h.name})
	if err != nil {
		b.t.Fatal(err)
	}
	var told struct {
		Device struct {
			Kid   string    `json:"kid"`
			Agree webid.Key `json:"agree"`
		} `json:"device"`
	}
	a := h.to(h.label(), link.Via[0], nil, webid.AgreementKey{Key: link.Key}).must(http.StatusOK, "POST", "/.pair", string(body), "Content-Type", "application/json")
	if err := json.Unmarshal([]byte(a.body), &told); err != nil {
		b.t.Fatal(err)
	}
	pod := webid.AgreementKey{Kid: id, Device: told.Device.Kid, Key: told.Device.Agree, Until: b.clock.now().Add(22 * day)}
	b.phone = h.to(h.label(), link.Via[0], sealed.OwnSalt(h.label()), pod)
	b.phone.From.KID = h.lists.Keys.Agree[0].Kid
	if !h.lists.Devices.Has(pod.Device) {
		next := h.lists.Devices
		next.Epoch++
		next.Devices = append(next.Devices[:len(next.Devices):len(next.Devices)], webid.Device{Kid: pod.Device, Name: "pod", May: []string{"answer", "accept"}})
		if h.lists.Devices, err = next.Sign(h.lists.Devices, h.signing); err != nil {
			b.t.Fatal(err)
		}
		h.put(b.phone, "/profile/devices", "application/jose", h.lists.Devices.String())
	}
	b.name(pod)
}

// TestAPodBehindARelayComesBackElsewhere: out of a backup, on another machine, without a word to anybody. Where the
// phone is another one since, or the backup is older than the key that all know, a pairing link tells them.
func TestAPodBehindARelayComesBackElsewhere(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, b *befriended) {
		t.Helper()
		b.phone.must(http.StatusOK, "GET", "/.replica"+postOne, "")
		b.phone.must(http.StatusOK, "GET", "/.trouble", "")
	}
	newStage := func(t *testing.T) (b *befriended, place, kit string) {
		c := newClock()
		b, place = newShared(t, c, newPost(t, c)), filepath.Join(t.TempDir(), "backup")
		return b, place, b.backUp(place)
	}
	t.Run("nobody notices", func(t *testing.T) {
		b, place, kit := newStage(t)
		b.lose(place, kit)
		read(t, b)
		b.ana.must(http.StatusOK, "GET", postOne, "")
	})
	t.Run("the phone is lost too", func(t *testing.T) {
		b, place, kit := newStage(t)
		b.lose(place, kit)
		b.owner.newDevice(2, b.owner.person)
		b.phone.From = &sealed.Sender{Label: b.owner.label(), KID: "k2", Key: b.owner.agree, Salt: sealed.OwnSalt(b.owner.label())}
		message, _ := b.phone.seal(nil, "GET", "/.replica"+postOne, "")
		if _, _, err := b.me().sealed.Answer(t.Context(), message); err == nil {
			t.Fatal("a phone that the pod does not know is answered")
		}
		b.again("p2")
		read(t, b)
		b.ana.must(http.StatusOK, "GET", postOne, "")
	})
	t.Run("the backup is older than the pod's key", func(t *testing.T) {
		b, place, kit := newStage(t)
		b.clock.pass(8 * day)
		second := b.podKey("p2")
		b.name(second)
		b.phone.To = []webid.AgreementKey{second}
		read(t, b)
		b.lose(place, kit)
		if b.opens(second) {
			t.Fatal("the pod has a key that was made after the backup")
		}
		b.again("p3")
		read(t, b)
		if from, err := b.me().asSender(t.Context(), b.ana.Salt); err != nil || from.KID != "p3" {
			t.Errorf("the pod proves by %+v, %v", from, err)
		}
	})
}
