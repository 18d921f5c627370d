module bench

go 1.19

require cfutures v0.1.0

replace cfutures v0.1.0 => ../../../bindings/go
