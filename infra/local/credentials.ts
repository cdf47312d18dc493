/** What the local stack's functions, and everything else that asks its table or queue, sign with. Nothing checks them. */
export const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };
