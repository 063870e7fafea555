package main

import (
	"log"
	"sync"
	"time"
)

// Report is what a test reads of one call. LongestGapMs is the longest time without a packet since
// the last report, also the one that still lasts; LongestPauseMs the longest between two of its own
// packets, which is 20 unless this process had to wait for a core.
type Report struct {
	Transport      string `json:"transport"`
	Sent           uint32 `json:"sent"`
	Heard          uint32 `json:"heard"`
	Foreign        uint32 `json:"foreign"` // packets that came back as nobody sent them, or twice
	LongestGapMs   int64  `json:"longest_gap_ms"`
	LongestPauseMs int64  `json:"longest_pause_ms"`
	Failure        string `json:"failure"`
}

// Line speaks on one call and keeps what it hears.
type Line struct {
	Transport string
	call      Call

	mutex     sync.Mutex
	sent      uint32
	heard     map[uint32]struct{}
	foreign   uint32
	lastHeard time.Time
	gap       time.Duration
	lastSent  time.Time
	pause     time.Duration
	failure   string
	stop      chan struct{}
	stopped   chan struct{}
}

func (l *Line) start() error {
	l.heard = map[uint32]struct{}{}
	if err := l.call.Open(); err != nil {
		return err
	}
	l.lastHeard = time.Now()
	l.lastSent = l.lastHeard
	l.stop, l.stopped = make(chan struct{}), make(chan struct{})
	go l.speak()
	return nil
}

func (l *Line) speak() {
	defer close(l.stopped)
	pace := time.NewTicker(packetInterval)
	defer pace.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-pace.C:
		}
		l.mutex.Lock()
		counter, now := l.sent, time.Now()
		l.pause = max(l.pause, now.Sub(l.lastSent))
		l.sent, l.lastSent = l.sent+1, now
		l.mutex.Unlock()
		if err := l.call.Send(counter); err != nil {
			l.mutex.Lock()
			l.failure = err.Error()
			l.mutex.Unlock()
			return
		}
	}
}

func (l *Line) hear(counter uint32, isIntact bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, isKnown := l.heard[counter]
	if isKnown || !isIntact || counter >= l.sent {
		l.foreign++
		return
	}
	l.heard[counter] = struct{}{}
	now := time.Now()
	l.gap = max(l.gap, now.Sub(l.lastHeard))
	l.lastHeard = now
}

func (l *Line) report() Report {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	gap := max(l.gap, time.Since(l.lastHeard))
	pause := max(l.pause, time.Since(l.lastSent))
	l.gap, l.pause = 0, 0
	return Report{
		Transport: l.Transport, Sent: l.sent, Heard: uint32(len(l.heard)), Foreign: l.foreign,
		LongestGapMs: gap.Milliseconds(), LongestPauseMs: pause.Milliseconds(), Failure: l.failure,
	}
}

func (l *Line) end() {
	close(l.stop)
	<-l.stopped
	if err := l.call.End(); err != nil {
		log.Print(err)
	}
}
