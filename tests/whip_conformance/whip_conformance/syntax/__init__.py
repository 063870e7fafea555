"""The grammars that WHIP stands on, as pure readers: SDP, fragments, links, tags, challenges."""
