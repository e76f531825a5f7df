/** What the guide uses of `@supabase/supabase-js`, on the demo's tokens: whoever gives an address is who it names. */
let session = null;
const listeners = new Set();

export const createClient = () => ({
  auth: {
    getSession: async () => ({ data: { session } }),
    onAuthStateChange(listener) {
      listeners.add(listener);
      queueMicrotask(() => listener("INITIAL_SESSION", session));
      return { data: { subscription: { unsubscribe: () => listeners.delete(listener) } } };
    },
    async signInWithPassword({ email }) {
      const id = email.split("@")[0];
      const { access_token } = await post("/demo/token", { user_id: id, role: "authenticated" });
      changed("SIGNED_IN", { access_token, user: { id } });
    },
    signOut: async () => changed("SIGNED_OUT", null),
  },
  functions: {
    invoke: async () => ({ data: await post("/demo/chat/token", { user_id: session.user.id }), error: null }),
  },
});

function changed(event, next) {
  session = next;
  for (const listener of listeners) listener(event, next);
}

async function post(path, body) {
  const headers = { "content-type": "application/json" };
  return (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
