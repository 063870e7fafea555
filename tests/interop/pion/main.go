// A WHIP client that nobody here wrote the media stack of: Pion sends numbered RTP packets to an
// echo and checks that each comes back as it went: payload, sequence, timestamp, marker.
// Prints one JSON object.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	packetInterval = 20 * time.Millisecond
	stepUnits      = 960
	payloadBytes   = 80
)

// Report is what the tests read.
type Report struct {
	Sent               int      `json:"sent"`
	Received           []uint32 `json:"received"` // counters, in order of arrival
	PayloadMismatches  int      `json:"payload_mismatches"`
	SequenceBreaks     int      `json:"sequence_breaks"`
	TimestampBreaks    int      `json:"timestamp_breaks"`
	MarkerMismatches   int      `json:"marker_mismatches"`
	SameSSRC           bool     `json:"same_ssrc"`
	Protocol           string   `json:"protocol"`
	ReceivedAfterStart int      `json:"received_after_restart"`
	Deleted            int      `json:"deleted"`
}

type client struct {
	peer    *webrtc.PeerConnection
	session string
	tag     string

	mutex  sync.Mutex
	sent   []rtp.Packet
	report Report
	first  *rtp.Header
	offset uint16
}

func main() {
	endpoint := flag.String("url", "", "the WHIP endpoint")
	packets := flag.Int("packets", 250, "how many packets to send, one every 20 ms")
	tcp := flag.Bool("tcp", false, "allow ICE-TCP only")
	restart := flag.Bool("restart", false, "restart ICE half-way")
	flag.Parse()
	log.SetOutput(os.Stderr)
	c := &client{}
	if err := c.run(*endpoint, *packets, *tcp, *restart); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(c.report); err != nil {
		log.Fatal(err)
	}
}

func (c *client) run(endpoint string, packets int, tcp, restart bool) error {
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	if tcp {
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings))
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	c.peer = peer
	track, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "numbers")
	if err != nil {
		return err
	}
	if _, err := peer.AddTransceiverFromTrack(track); err != nil {
		return err
	}
	connected := make(chan struct{}, 8)
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	peer.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			c.take(packet)
		}
	})
	if err := c.open(endpoint); err != nil {
		return err
	}
	select {
	case <-connected:
	case <-time.After(15 * time.Second):
		return fmt.Errorf("not connected: %s", peer.ICEConnectionState())
	}
	c.protocol()
	if err := c.send(track, packets, restart); err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond) // the last ones are still on their way
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.end()
}

func (c *client) open(endpoint string) error {
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
	response, err := http.Post(endpoint, "application/sdp", body)
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
	base, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	location, err := base.Parse(response.Header.Get("Location"))
	if err != nil {
		return err
	}
	c.session, c.tag = location.String(), response.Header.Get("ETag")
	return c.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

func (c *client) protocol() {
	pair, err := c.peer.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err == nil && pair != nil {
		c.report.Protocol = pair.Remote.Protocol.String()
	}
}

func (c *client) send(track *webrtc.TrackLocalStaticRTP, packets int, restart bool) error {
	sequence, timestamp := uint16(rand.Uint32()), rand.Uint32()
	ticker := time.NewTicker(packetInterval)
	defer ticker.Stop()
	for counter := range packets {
		<-ticker.C
		payload := make([]byte, payloadBytes)
		binary.BigEndian.PutUint32(payload, uint32(counter))
		for i := 4; i < payloadBytes; i++ {
			payload[i] = byte(rand.Uint32())
		}
		packet := rtp.Packet{
			Header: rtp.Header{
				Version: 2, Marker: counter%7 == 0,
				SequenceNumber: sequence + uint16(counter), Timestamp: timestamp + uint32(counter)*stepUnits,
			},
			Payload: payload,
		}
		c.mutex.Lock()
		c.sent = append(c.sent, packet)
		c.report.Sent++
		c.mutex.Unlock()
		if err := track.WriteRTP(&packet); err != nil {
			return err
		}
		if restart && counter == packets/2 {
			go func() {
				if err := c.restart(); err != nil {
					log.Print(err)
				}
			}()
		}
	}
	return nil
}

func (c *client) take(packet *rtp.Packet) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(packet.Payload) < 4 {
		c.report.PayloadMismatches++
		return
	}
	counter := binary.BigEndian.Uint32(packet.Payload)
	if int(counter) >= len(c.sent) {
		c.report.PayloadMismatches++
		return
	}
	sent := c.sent[counter]
	if c.first == nil {
		header := packet.Header
		c.first = &header
		c.offset = packet.SequenceNumber - sent.SequenceNumber
		c.report.SameSSRC = true
	}
	if packet.SSRC != c.first.SSRC {
		c.report.SameSSRC = false
	}
	if packet.SequenceNumber-sent.SequenceNumber != c.offset {
		c.report.SequenceBreaks++
	}
	if packet.Timestamp != sent.Timestamp {
		c.report.TimestampBreaks++
	}
	if packet.Marker != sent.Marker {
		c.report.MarkerMismatches++
	}
	if !bytes.Equal(packet.Payload, sent.Payload) {
		c.report.PayloadMismatches++
	}
	c.report.Received = append(c.report.Received, counter)
}

// restart asks for new ICE credentials by PATCH (RFC 9725 section 4.3.3).
func (c *client) restart() error {
	offer, err := c.peer.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	if err := c.peer.SetLocalDescription(offer); err != nil {
		return err
	}
	local := attributes(c.peer.LocalDescription().SDP)
	fragment := "a=ice-ufrag:" + local["ice-ufrag"] + "\r\na=ice-pwd:" + local["ice-pwd"] +
		"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:" + local["mid"] + "\r\n"
	request, err := http.NewRequest(http.MethodPatch, c.session, strings.NewReader(fragment))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	request.Header.Set("If-Match", "*")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("PATCH: %d %s", response.StatusCode, body)
	}
	remote := attributes(string(body))
	var answer []string
	for _, line := range strings.Split(c.peer.RemoteDescription().SDP, "\r\n") {
		for _, name := range []string{"ice-ufrag", "ice-pwd"} {
			if strings.HasPrefix(line, "a="+name+":") {
				line = "a=" + name + ":" + remote[name]
			}
		}
		answer = append(answer, line)
	}
	err = c.peer.SetRemoteDescription(webrtc.SessionDescription{
		Type: webrtc.SDPTypeAnswer, SDP: strings.Join(answer, "\r\n"),
	})
	if err != nil {
		return err
	}
	c.mutex.Lock()
	before := len(c.report.Received)
	c.mutex.Unlock()
	time.Sleep(time.Second)
	c.mutex.Lock()
	c.report.ReceivedAfterStart = len(c.report.Received) - before
	c.mutex.Unlock()
	return nil
}

func attributes(sdp string) map[string]string {
	found := map[string]string{}
	for _, line := range strings.Split(sdp, "\r\n") {
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		if _, seen := found[name]; !seen {
			found[name] = value
		}
	}
	return found
}

func (c *client) end() error {
	request, err := http.NewRequest(http.MethodDelete, c.session, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	c.report.Deleted = response.StatusCode
	return response.Body.Close()
}
