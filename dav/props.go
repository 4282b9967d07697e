package dav

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"golang.org/x/net/webdav"

	"kith/internal/rdf"
	"kith/pod"
)

// Dead properties stand in the description of a resource, one literal each: JSON
// of name and value. So they are where everything else that is said of a resource
// is, and go with it.
//
//	<photo.jpg> <https://kith.invalid/ns#davProperty> "{\"space\":…,\"local\":…}".
const (
	davProperty = "https://kith.invalid/ns#davProperty"
	maxProps    = 64       // of one resource
	maxProp     = 16 << 10 // bytes of one value
	maxName     = 1 << 10  // bytes of its name and language
)

// dead is one dead property as it is kept.
type dead struct {
	Space string `json:"space"`
	Local string `json:"local"`
	Lang  string `json:"lang,omitempty"`
	Inner string `json:"inner"`
}

func (d dead) property() webdav.Property {
	return webdav.Property{XMLName: xml.Name{Space: d.Space, Local: d.Local}, Lang: d.Lang, InnerXML: []byte(d.Inner)}
}

// sound reports whether a property is one that a PROPPATCH could have written. Whoever may write a resource may write its
// description, and what is kept there goes into answers as it is.
func (d dead) sound() bool {
	if len(d.Inner) > maxProp || len(d.Space)+len(d.Local)+len(d.Lang) > maxName {
		return false
	}
	return element(fmt.Sprintf(`<%s xmlns="%s">%s</%[1]s>`, d.Local, escape(d.Space), d.Inner), xml.Name{Space: d.Space, Local: d.Local})
}

// literal writes a property as it is kept.
func literal(p webdav.Property) (string, error) {
	if len(p.InnerXML) > maxProp {
		return "", fmt.Errorf("keep a property: %w", pod.ErrTooLarge)
	}
	text, err := json.Marshal(dead{p.XMLName.Space, p.XMLName.Local, p.Lang, string(p.InnerXML)})
	return string(text), err
}

// dead returns the literals that stand for properties of p, by name.
func (c *call) dead(ctx context.Context, p pod.Path) (map[xml.Name]string, error) {
	all := map[xml.Name]string{}
	a, err := c.view.Get(ctx, p.Meta())
	if errors.Is(err, pod.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	defer a.Close()
	syntax, ok := rdf.SyntaxOf(a.Info.Type)
	if !ok || a.Resource == nil {
		return all, nil
	}
	g, err := rdf.Decode(a.Resource, syntax, c.iri(p.Meta()), rdf.Limits{})
	if err != nil {
		return all, nil // whoever wrote it says nothing of properties
	}
	for _, o := range g.Objects(rdf.IRITerm(c.iri(p)), rdf.IRITerm(davProperty)) {
		var d dead
		if json.Unmarshal([]byte(o.Value()), &d) == nil && d.sound() && len(all) < maxProps {
			all[xml.Name{Space: d.Space, Local: d.Local}] = o.Value()
		}
	}
	return all, nil
}

func (c *call) iri(p pod.Path) rdf.IRI {
	return rdf.IRI(c.drive.base + strings.TrimPrefix(p.Escaped(), "/"))
}

// amend makes the properties of p what the patches say, all or none (RFC 4918 §9.2).
func (c *call) amend(ctx context.Context, p pod.Path, patches []webdav.Proppatch) error {
	stands, err := c.dead(ctx, p)
	if err != nil {
		return err
	}
	next := maps.Clone(stands)
	if c.stood != nil { // those of what was there have gone with it
		clear(next)
	}
	for _, patch := range patches {
		for _, prop := range patch.Props {
			if patch.Remove {
				delete(next, prop.XMLName)
			} else if next[prop.XMLName], err = literal(prop); err != nil {
				return err
			}
		}
	}
	if len(next) > maxProps {
		return fmt.Errorf("keep more than %d properties: %w", maxProps, pod.ErrFull)
	}
	var update strings.Builder
	for name, text := range stands {
		if next[name] != text {
			c.say(&update, "DELETE", p, text)
		}
	}
	for name, text := range next {
		if stands[name] != text {
			c.say(&update, "INSERT", p, text)
		}
	}
	if update.Len() == 0 {
		return nil
	}
	change, err := rdf.ParseUpdate(strings.NewReader(update.String()), c.iri(p.Meta()), rdf.Limits{})
	if err == nil {
		_, _, err = c.view.Patch(ctx, p.Meta(), change, pod.Precondition{})
	}
	return err
}

func (c *call) say(update *strings.Builder, verb string, p pod.Path, text string) {
	t := rdf.Triple{S: rdf.IRITerm(c.iri(p)), P: rdf.IRITerm(davProperty), O: rdf.Literal(text)}
	fmt.Fprintf(update, "%s DATA { %s };\n", verb, t)
}

// DeadProps implements webdav.DeadPropsHolder. The webdav package asks a resource for
// the properties that it cannot tell itself: the locks are among them.
func (f *reading) DeadProps() (map[xml.Name]webdav.Property, error) {
	all, err := f.call.dead(f.ctx, f.answer.Info.Path)
	if err != nil {
		return nil, f.call.refuse(err)
	}
	props := map[xml.Name]webdav.Property{}
	for name, text := range all {
		var d dead
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return nil, err
		}
		props[name] = d.property()
	}
	if f.call.method == "PROPFIND" { // of what is copied, locks stay behind
		f.call.tell(props, f.answer.Info.Path)
	}
	return props, nil
}

// tell adds the properties that are about locks. The webdav package names supportedlock itself, so that this
// is left out where it asks for names: first of all, unless the request has them.
func (c *call) tell(props map[xml.Name]webdav.Property, p pod.Path) {
	props[lockDiscovery] = webdav.Property{XMLName: lockDiscovery, InnerXML: []byte(c.discovery(clean(p.String())))}
	if c.named || c.listed == p {
		props[supportedLock] = webdav.Property{XMLName: supportedLock, InnerXML: []byte(entries)}
	}
	c.listed = p
}

// Patch implements webdav.DeadPropsHolder.
func (f *reading) Patch(patches []webdav.Proppatch) ([]webdav.Propstat, error) {
	return told(patches), f.call.refuse(f.call.amend(f.ctx, f.answer.Info.Path, patches))
}

// DeadProps implements webdav.DeadPropsHolder.
func (f *writing) DeadProps() (map[xml.Name]webdav.Property, error) { return nil, nil }

// Patch implements webdav.DeadPropsHolder: it happens once the representation is
// stored.
func (f *writing) Patch(patches []webdav.Proppatch) ([]webdav.Propstat, error) {
	f.patches = append(f.patches, patches...)
	return told(patches), nil
}

// told says of each property that it is done.
func told(patches []webdav.Proppatch) []webdav.Propstat {
	stat := webdav.Propstat{Status: http.StatusOK}
	for _, patch := range patches {
		for _, prop := range patch.Props {
			stat.Props = append(stat.Props, webdav.Property{XMLName: prop.XMLName})
		}
	}
	return []webdav.Propstat{stat}
}
