/** A call of the database's functions, as supabase-js makes it; `options` are `fetch`'s. */
export const rpcOf = ({ backend, token }, options = {}) =>
  async function rpc(name, args = {}) {
    const response = await fetch(`${backend}/rest/v1/rpc/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "content-profile": "public" },
      body: JSON.stringify(args),
      ...options,
    });
    if (!response.ok) throw new Error(`${name} answered ${response.status}`);
    return response.json();
  };
