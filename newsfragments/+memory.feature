A server at rest takes 68 MB where it took 72: what most servers never need, easyim's protobuf and Prometheus's library, is loaded for the first who wants it.
