package acl

import (
	"encoding/json"
	"fmt"
	"io"

	"kith/pod"
)

// isReplies reports whether p holds what was said to a post:
// social/posts/<name>/replies.jsonld. Its items only ever become more, since a
// reply that was removed leaves its id behind.
func isReplies(p pod.Path) bool {
	return p.Name() == "replies.jsonld" && p.Parent() != posts && p.Parent().Parent() == posts
}

// loses reports whether replies would be lost if text stood at p: what is there
// has an id that text has not. What does not parse has none.
func loses(tx pod.Tx, p pod.Path, text []byte) (bool, error) {
	res, err := tx.Open(p)
	if err != nil {
		return false, fmt.Errorf("open replies: %w", err)
	}
	defer res.Close()
	now, err := io.ReadAll(io.LimitReader(res, maxDocument))
	if err != nil {
		return false, fmt.Errorf("read replies: %w", err)
	}
	kept := replyIDs(text)
	for id := range replyIDs(now) {
		if _, ok := kept[id]; !ok {
			return true, nil
		}
	}
	return false, nil
}

// replyIDs returns the ids of the items of a document of replies, each with the
// type of its item: a reply that became a Tombstone is another.
func replyIDs(text []byte) map[string]struct{} {
	var doc struct {
		Items []struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"items"`
	}
	ids := make(map[string]struct{})
	if json.Unmarshal(text, &doc) != nil {
		return ids
	}
	for _, item := range doc.Items {
		if item.ID == "" { // nothing to tell it by
			continue
		}
		ids[item.ID] = struct{}{}
		if item.Type == "Tombstone" {
			ids[item.ID+" gone"] = struct{}{}
		}
	}
	return ids
}
