/** Version of this program. */
export const VERSION = "0.3.0";
/** How it introduces itself to a proxy. */
export const AGENT_ID = "mqtt-gateway";
export const AGENT_NAME = "MQTT Gateway Agent";
