// Many echo calls in one process, of both transports: numbered packets out, numbered packets back.
// It says "ready" when all calls are up; from then on each line on standard input is answered by
// one JSON object with what each call heard so far. The end of the input ends the calls.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"time"
)

const (
	packetInterval = 20 * time.Millisecond
	atOnce         = 16 // calls that may be setting up at a time
	setUpTimeout   = 15 * time.Second
)

// Call is one that goes on until it is ended.
type Call interface {
	// Open returns when media may flow.
	Open() error
	// Send says one packet with this counter.
	Send(counter uint32) error
	// End hangs up.
	End() error
}

func main() {
	whip := flag.String("whip", "", "the WHIP endpoint")
	webrtc := flag.Int("webrtc", 0, "calls by WebRTC")
	websocket := flag.String("websocket", "", "the WebSocket endpoint")
	phones := flag.Int("phones", 0, "calls over WebSockets, as Twilio makes them")
	flag.Parse()
	log.SetOutput(os.Stderr)
	lines, err := open(*whip, *webrtc, *websocket, *phones)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(`"ready"`)
	answers := json.NewEncoder(os.Stdout)
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		if err := answers.Encode(reports(lines)); err != nil {
			log.Fatal(err)
		}
	}
	end(lines)
}

func open(whip string, webrtc int, websocket string, phones int) ([]*Line, error) {
	api, err := newAPI()
	if err != nil {
		return nil, err
	}
	var lines []*Line
	for range webrtc {
		line := &Line{Transport: "webrtc"}
		line.call = &webRTCCall{api: api, endpoint: whip, hear: line.hear}
		lines = append(lines, line)
	}
	for range phones {
		line := &Line{Transport: "websocket"}
		line.call = &phoneCall{endpoint: websocket, hear: line.hear}
		lines = append(lines, line)
	}
	failures := make(chan error, len(lines))
	places := make(chan struct{}, atOnce)
	for _, line := range lines {
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			failures <- line.start()
		}()
	}
	for range lines {
		if err := <-failures; err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func reports(lines []*Line) []Report {
	found := make([]Report, 0, len(lines))
	for _, line := range lines {
		found = append(found, line.report())
	}
	return found
}

func end(lines []*Line) {
	var all sync.WaitGroup
	for _, line := range lines {
		all.Go(line.end)
	}
	all.Wait()
}
