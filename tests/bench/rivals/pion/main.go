// The same work done with Pion, for the table of the bench: a WHIP endpoint that echoes RTP
// untouched through a TrackLocalStaticRTP, all sessions on one UDP port.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/pion/webrtc/v4"
)

var (
	sessions   sync.Map
	sessionsMu sync.Mutex
	lastID     int
)

func main() {
	httpAddress := flag.String("http", "127.0.0.1:0", "where to answer WHIP")
	udpAddress := flag.String("udp", "127.0.0.1:0", "the one media port")
	flag.Parse()

	udp, err := net.ListenPacket("udp4", *udpAddress)
	if err != nil {
		log.Fatal(err)
	}
	if err := udp.(*net.UDPConn).SetReadBuffer(8 << 20); err != nil {
		log.Fatal(err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetLite(true)
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, udp))
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings))

	http.HandleFunc("POST /whip", func(w http.ResponseWriter, r *http.Request) { answer(api, w, r) })
	http.HandleFunc("DELETE /whip/sessions/{id}", end)
	listener, err := net.Listen("tcp", *httpAddress)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/whip\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func answer(api *webrtc.API, w http.ResponseWriter, r *http.Request) {
	offer, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := negotiate(peer, string(offer)); err != nil {
		_ = peer.Close()
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	sessionsMu.Lock()
	lastID++
	id := fmt.Sprint(lastID)
	sessionsMu.Unlock()
	sessions.Store(id, peer)
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/whip/sessions/"+id)
	w.Header().Set("ETag", `"`+id+`"`)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, peer.LocalDescription().SDP)
}

func negotiate(peer *webrtc.PeerConnection, offer string) error {
	echo, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "echo")
	if err != nil {
		return err
	}
	peer.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buffer := make([]byte, 1500)
		for {
			n, _, err := remote.Read(buffer)
			if err != nil {
				return
			}
			if _, err := echo.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	sender, err := peer.AddTrack(echo)
	if err != nil {
		return err
	}
	go func() { // reports must be read for Pion's interceptors to work
		buffer := make([]byte, 1500)
		for {
			if _, _, err := sender.Read(buffer); err != nil {
				return
			}
		}
	}()
	description, err := peer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(description); err != nil {
		return err
	}
	<-gathered
	return nil
}

func end(w http.ResponseWriter, r *http.Request) {
	peer, found := sessions.LoadAndDelete(r.PathValue("id"))
	if !found {
		http.NotFound(w, r)
		return
	}
	if err := peer.(*webrtc.PeerConnection).Close(); err != nil {
		log.Print(err)
	}
}
