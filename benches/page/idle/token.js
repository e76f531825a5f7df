/** What stream-chat takes for a token: the service is not asked to. */
export function token(user_id) {
  const part = (json) => btoa(JSON.stringify(json)).replaceAll("=", "");
  return [part({ alg: "HS256", typ: "JWT" }), part({ user_id }), "signature"].join(".");
}
