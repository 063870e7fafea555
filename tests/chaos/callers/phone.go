package main

import (
	"encoding/base64"
	"strconv"

	"golang.org/x/net/websocket"
)

const (
	frameBytes = 160 // of µ-law in 20 ms
	streamSid  = "MZ1"
)

type media struct {
	Track     string `json:"track"`
	Chunk     string `json:"chunk"`
	Timestamp string `json:"timestamp"`
	Payload   string `json:"payload"`
}

// message is one of Twilio's Media Streams.
type message struct {
	Event          string    `json:"event"`
	Protocol       string    `json:"protocol,omitempty"`
	Version        string    `json:"version,omitempty"`
	SequenceNumber string    `json:"sequenceNumber,omitempty"`
	StreamSid      string    `json:"streamSid,omitempty"`
	Start          *struct{} `json:"start,omitempty"`
	Media          *media    `json:"media,omitempty"`
}

type phoneCall struct {
	endpoint string
	hear     func(counter uint32, isIntact bool)
	socket   *websocket.Conn
}

func (p *phoneCall) Open() error {
	var err error
	if p.socket, err = websocket.Dial(p.endpoint, "", "http://localhost"); err != nil {
		return err
	}
	greeting := message{Event: "connected", Protocol: "Call", Version: "1.0.0"}
	if err := websocket.JSON.Send(p.socket, greeting); err != nil {
		return err
	}
	start := message{Event: "start", SequenceNumber: "1", StreamSid: streamSid, Start: &struct{}{}}
	if err := websocket.JSON.Send(p.socket, start); err != nil {
		return err
	}
	go p.listen()
	return nil
}

func (p *phoneCall) listen() {
	for {
		var said message
		if err := websocket.JSON.Receive(p.socket, &said); err != nil {
			return // the next frame tells that the line is down
		}
		if said.Event != "media" || said.Media == nil {
			continue
		}
		frame, err := base64.StdEncoding.DecodeString(said.Media.Payload)
		counter, isIntact := readPayload(frame, frameBytes)
		p.hear(counter, isIntact && err == nil)
	}
}

func (p *phoneCall) Send(counter uint32) error {
	chunk := strconv.FormatUint(uint64(counter)+1, 10)
	payload := base64.StdEncoding.EncodeToString(makePayload(counter, frameBytes))
	timestamp := strconv.FormatUint(uint64(counter)*20, 10)
	return websocket.JSON.Send(p.socket, message{
		Event: "media", SequenceNumber: chunk, StreamSid: streamSid,
		Media: &media{Track: "inbound", Chunk: chunk, Timestamp: timestamp, Payload: payload},
	})
}

func (p *phoneCall) End() error {
	return p.socket.Close()
}
