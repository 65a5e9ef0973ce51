"""Bridge network, addresses, published ports.

service     what containers ask for: reserve, connect, disconnect, sweep
├─ ipam, hostports   what is free: subnets, addresses, ports of the host
├─ link, firewall    what the kernel has: bridge and veth, the nftables table
│  ├─ stencils       messages encoded once, filled in for each container
│  └─ netlink        how they travel
└─ wiring, ruleset   what the messages say (over encode, the only importer of pyroute2)
ports, files         `-p` as docker spells it; /etc/hosts and its like: pure text
"""
