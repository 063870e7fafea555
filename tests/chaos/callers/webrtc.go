package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	clockUnits   = 960 // of Opus in 20 ms
	payloadBytes = 80
)

// newAPI makes peers that know Opus, speak over the loopback alone and intercept nothing.
func newAPI() (*webrtc.API, error) {
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	media := &webrtc.MediaEngine{}
	codec := webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}
	if err := media.RegisterCodec(codec, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)), nil
}

var opus = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}

type webRTCCall struct {
	api      *webrtc.API
	endpoint string
	hear     func(counter uint32, isIntact bool)

	peer    *webrtc.PeerConnection
	track   *webrtc.TrackLocalStaticRTP
	session string
}

func (c *webRTCCall) Open() error {
	var err error
	if c.peer, err = c.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	if c.track, err = webrtc.NewTrackLocalStaticRTP(opus, "audio", "numbers"); err != nil {
		return err
	}
	if _, err := c.peer.AddTransceiverFromTrack(c.track); err != nil {
		return err
	}
	connected := make(chan struct{}, 8)
	c.peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	c.peer.OnTrack(c.listen)
	if err := c.post(); err != nil {
		return err
	}
	select {
	case <-connected:
		return nil
	case <-time.After(setUpTimeout):
		return fmt.Errorf("not connected: %s", c.peer.ICEConnectionState())
	}
}

func (c *webRTCCall) post() error {
	offer, err := c.peer.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(c.peer)
	if err := c.peer.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	body := strings.NewReader(c.peer.LocalDescription().SDP)
	response, err := http.Post(c.endpoint, "application/sdp", body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST: %d %s", response.StatusCode, answer)
	}
	base, err := url.Parse(c.endpoint)
	if err != nil {
		return err
	}
	location, err := base.Parse(response.Header.Get("Location"))
	if err != nil {
		return err
	}
	c.session = location.String()
	return c.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

func (c *webRTCCall) listen(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		counter, isIntact := readPayload(packet.Payload, payloadBytes)
		c.hear(counter, isIntact)
	}
}

func (c *webRTCCall) Send(counter uint32) error {
	return c.track.WriteRTP(&rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: uint16(counter), Timestamp: counter * clockUnits},
		Payload: makePayload(counter, payloadBytes),
	})
}

func (c *webRTCCall) End() error {
	request, err := http.NewRequest(http.MethodDelete, c.session, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("DELETE: %d", response.StatusCode)
	}
	return c.peer.Close()
}

// makePayload begins with the counter, and repeats its last byte.
func makePayload(counter uint32, size int) []byte {
	payload := make([]byte, size)
	binary.BigEndian.PutUint32(payload, counter)
	for at := 4; at < size; at++ {
		payload[at] = byte(counter)
	}
	return payload
}

func readPayload(payload []byte, size int) (counter uint32, isIntact bool) {
	if len(payload) != size {
		return 0, false
	}
	counter = binary.BigEndian.Uint32(payload)
	for _, value := range payload[4:] {
		if value != byte(counter) {
			return counter, false
		}
	}
	return counter, true
}
