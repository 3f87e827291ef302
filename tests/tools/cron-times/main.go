// SPDX-License-Identifier: GPL-2.0-only

// Firing times of random cron expressions by robfig/cron v3, the implementation whose rules for daylight saving ours follow, for
// build/tests/calendar. Made tests/fixtures/cron-times.txt; run it again with
//
//	go run . -n 1500 Europe/Berlin America/New_York America/St_Johns Africa/Casablanca Asia/Kathmandu Europe/Dublin Australia/Sydney
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

type field struct {
	min, max int
	names    string
}

var fields = []field{{0, 59, ""}, {0, 23, ""}, {1, 31, ""},
	{1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"}, {0, 6, "sun mon tue wed thu fri sat"}}

func (f field) value(r *rand.Rand, v int) string {
	if f.names != "" && r.Intn(3) == 0 {
		name := strings.Fields(f.names)[v-f.min]
		if r.Intn(2) == 0 {
			return strings.ToUpper(name)
		}
		return name
	}
	return fmt.Sprint(v)
}

func (f field) element(r *rand.Rand) string {
	a := f.min + r.Intn(f.max-f.min+1)
	b := a + r.Intn(f.max-a+1)
	step := 1 + r.Intn((f.max-f.min+1)/2)
	switch r.Intn(5) {
	case 0:
		return f.value(r, a)
	case 1:
		return f.value(r, a) + "-" + f.value(r, b)
	case 2:
		return fmt.Sprintf("*/%d", step)
	case 3:
		return fmt.Sprintf("%s-%s/%d", f.value(r, a), f.value(r, b), step)
	default:
		return fmt.Sprintf("%s/%d", f.value(r, a), step)
	}
}

func (f field) random(r *rand.Rand) string {
	if r.Intn(5) < 2 {
		return []string{"*", "*", "*", "?"}[r.Intn(4)]
	}
	list := f.element(r)
	for r.Intn(3) == 0 {
		list += "," + f.element(r)
	}
	return list
}

// An instant within a day of a change of the offset, or anywhere: from 2012 to 2024, about which zones do not change their mind.
func instant(r *rand.Rand, loc *time.Location) time.Time {
	t := time.Unix(1325376000+r.Int63n(13*365*86400), 0).In(loc)
	if _, end := t.ZoneBounds(); r.Intn(3) > 0 && !end.IsZero() {
		t = end.Add(time.Duration(r.Intn(2*86400)-86400) * time.Second)
	}
	return t
}

func main() {
	n := flag.Int("n", 1500, "lines")
	seed := flag.Int64("seed", 1, "seed")
	flag.Parse()
	r := rand.New(rand.NewSource(*seed))
	for i := 0; i < *n; {
		zone := flag.Arg(r.Intn(flag.NArg()))
		loc, err := time.LoadLocation(zone)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		words := make([]string, len(fields))
		for k, f := range fields {
			words[k] = f.random(r)
		}
		text := strings.Join(words, " ")
		schedule, err := cron.ParseStandard(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, text, err)
			os.Exit(1)
		}
		t := instant(r, loc)
		first := schedule.Next(t)
		if first.IsZero() {
			continue
		}
		second := schedule.Next(first)
		if second.IsZero() {
			continue
		}
		fmt.Println(zone, t.Unix(), first.Unix(), second.Unix(), text)
		i++
	}
}
