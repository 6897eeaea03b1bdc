// Command ledgercheck checks proofs that `tocsin ledger` printed, a JSON line each, with the
// libraries of the Go project's transparency logs. It prints what it found of each line.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

type line struct {
	Index      uint64
	Entry      []byte
	Path       [][]byte
	Checkpoint string
	Old, New   string
	Verifier   string
}

func head(text, key string) (size uint64, root []byte, err error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return 0, nil, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return 0, nil, err
	}
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		return 0, nil, fmt.Errorf("origin %q", lines[0])
	}
	if size, err = strconv.ParseUint(lines[1], 10, 64); err != nil {
		return 0, nil, err
	}
	root, err = base64.StdEncoding.DecodeString(lines[2])
	return size, root, err
}

func check(one line) error {
	if one.Checkpoint != "" {
		size, root, err := head(one.Checkpoint, one.Verifier)
		if err != nil {
			return err
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(one.Entry)
		return proof.VerifyInclusion(rfc6962.DefaultHasher, one.Index, size, leaf, one.Path, root)
	}
	oldSize, oldRoot, err := head(one.Old, one.Verifier)
	if err != nil {
		return err
	}
	newSize, newRoot, err := head(one.New, one.Verifier)
	if err != nil {
		return err
	}
	hasher := rfc6962.DefaultHasher
	return proof.VerifyConsistency(hasher, oldSize, newSize, one.Path, oldRoot, newRoot)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one line
		err := json.NewDecoder(bytes.NewReader(lines.Bytes())).Decode(&one)
		if err == nil {
			err = check(one)
		}
		if err != nil {
			fmt.Println("refused:", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("holds")
		}
	}
}
