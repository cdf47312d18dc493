/** The credentials with which the local stack's functions, and all other clients of its table or queue, sign. Nothing checks them. */
export const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };
