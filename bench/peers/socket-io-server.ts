/** socket.io in a process of its own: emits each posted event to everybody. Prints its port. */
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { Server } from "socket.io";
import { host } from "./server.ts";

const http = createServer((request, response) => {
  json(request).then(
    (body) => {
      for (const event of Array.isArray(body) ? body : [body]) io.emit("event", event);
      response.writeHead(202).end();
    },
    () => response.writeHead(400).end(),
  );
});
const io = new Server(http, { transports: ["websocket"] });
http.listen(0, host, () => {
  const address = http.address();
  console.log(typeof address === "object" ? address?.port : address);
});
