// Package webid says who asks: keys, lists of devices, contacts and proofs.
package webid
