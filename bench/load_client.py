"""What a request costs the load generator: its own client beside httpx, against the same server, in one run.

CPU time of this process alone; the server is another one. Both keep one connection and ask one after the other.
"""

import asyncio
import json
import multiprocessing
import resource
import statistics
from multiprocessing.connection import Connection as Pipe

import httpx

from clinic.http_client import Connection

REQUESTS = 2_000
ROUNDS = 5
_BODY = json.dumps({"appointments": [{"id": n, "notes": "x" * 100} for n in range(2)]}).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n\r\n")):
            self._transport.write(_ANSWER)


def serve(pipe: Pipe) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def ours(url: str) -> None:
    connection = Connection(url)
    for _ in range(REQUESTS):
        answer = await connection.request("GET", "/appointments?doctor_id=7&date=2026-02-03")
        assert answer.body == _BODY
    connection.close()


async def theirs(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(REQUESTS):
            answer = await client.get("/appointments?doctor_id=7&date=2026-02-03")
            assert answer.content == _BODY


async def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}"
    microseconds: dict[str, list[float]] = {"clinic": [], "httpx": []}
    for _ in range(ROUNDS):
        for name, client in (("clinic", ours), ("httpx", theirs)):
            before = cpu_s()
            await client(url)
            microseconds[name].append((cpu_s() - before) / REQUESTS * 1e6)
    server.kill()
    server.join()
    medians = {name: statistics.median(times) for name, times in microseconds.items()}
    print(
        json.dumps(
            {
                "requests": REQUESTS,
                "cpu_us_a_request": {name: round(median, 1) for name, median in medians.items()},
                "ratio": round(medians["httpx"] / medians["clinic"], 1),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
