// Times CUE for bench/cue.py: one JSON case a line in, one answer a line out.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"time"

	"cuelang.org/go/cue/cuecontext"
)

type question struct {
	Policy string
	Input  json.RawMessage
	Times  int
}

type answer struct {
	OK          bool    `json:"ok"`
	Nanoseconds []int64 `json:"nanoseconds"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		var told answer
		for range asked.Times {
			start := time.Now()
			told.OK = verdict(asked.Policy, asked.Input) == nil
			told.Nanoseconds = append(told.Nanoseconds, time.Since(start).Nanoseconds())
		}
		if err := out.Encode(told); err != nil {
			panic(err)
		}
	}
}

// As policy-controller asks for a verdict.
func verdict(policy string, input []byte) error {
	ctx := cuecontext.New()
	compiled := ctx.CompileString(policy)
	if err := compiled.Err(); err != nil {
		return err
	}
	document := ctx.CompileBytes(input)
	if err := document.Err(); err != nil {
		return err
	}
	return compiled.Unify(document).Validate()
}
