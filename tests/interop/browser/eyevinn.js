import { WHIPClient } from "@eyevinn/whip-web-client";

window.WHIPClient = WHIPClient;
