"""Sends command lines to arrays through python-3parclient's SSH client, as the programs that are built on it do.

Reads JSON from standard input: the arrays (name, address, port, login, password), the lines of one create as pairs of array
and line, the name of the volume in them, and the names to put in its place. Prints a line of JSON after each volume: its name
and the seconds since the first command.
"""

import json
import sys
import time

from hpe3parclient.ssh import HPE3PARSSHClient


def main():
    plan = json.load(sys.stdin)
    clients = {}
    for array in plan["arrays"]:
        clients[array["name"]] = HPE3PARSSHClient(
            array["address"],
            array["login"],
            array["password"],
            port=array["port"],
            known_hosts_file=plan["known_hosts"],
            missing_key_policy="RejectPolicy",
        )
    begun = time.monotonic()
    for client in clients.values():
        client.open()
    for name in plan["names"]:
        for array, line in plan["lines"]:
            words = line.replace(plan["name"], name).split(" ")
            clients[array].run(words, multi_line_stripper=True)
        print(json.dumps([name, time.monotonic() - begun]), flush=True)
    for client in clients.values():
        client.close()


main()
