// Verifies a chain as Go's crypto/x509 does: verify ROOT UNTRUSTED LEAF, each a file of PEM. For any purpose, now.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func read(path string) []*x509.Certificate {
	rest, err := os.ReadFile(path)
	check(err)
	var found []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		check(err)
		found = append(found, certificate)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pool(path string) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, certificate := range read(path) {
		pool.AddCert(certificate)
	}
	return pool
}

func main() {
	_, err := read(os.Args[3])[0].Verify(x509.VerifyOptions{
		Roots:         pool(os.Args[1]),
		Intermediates: pool(os.Args[2]),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	check(err)
}
