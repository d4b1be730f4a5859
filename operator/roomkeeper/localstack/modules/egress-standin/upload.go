package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/psrpc"
)

const uploadTime = 10 * time.Second

// upload puts one object, and returns where it is. Without a storage there is nothing to put: the real worker would
// have left a file on its disk.
func upload(to *livekit.S3Upload, key, mime string, body []byte) (string, error) {
	if to == nil {
		return key, nil
	}
	location := address(to) + escape(key)
	if err := put(to, location, mime, body); err != nil {
		return "", psrpc.NewErrorf(psrpc.InvalidArgument, "S3 upload failed: %s", err)
	}
	return location, nil
}

func put(to *livekit.S3Upload, location, mime string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), uploadTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, location, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", mime)
	for name, value := range to.Metadata {
		request.Header.Set("X-Amz-Meta-"+name, value)
	}
	for name, value := range map[string]string{"X-Amz-Tagging": to.Tagging, "Content-Disposition": to.ContentDisposition} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	digest := sha256.Sum256(body)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(digest[:]))
	keys := aws.Credentials{AccessKeyID: to.AccessKey, SecretAccessKey: to.Secret, SessionToken: to.SessionToken}
	plain := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	if err = v4.NewSigner().SignHTTP(ctx, keys, request, hex.EncodeToString(digest[:]), "s3", region(to), time.Now(), plain); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return fmt.Errorf("operation error S3: PutObject, https response error StatusCode: %d, %s", response.StatusCode, text)
	}
	return nil
}

func region(to *livekit.S3Upload) string {
	if to.Region == "" {
		return "us-east-1"
	}
	return to.Region
}

// address is the bucket's, with a slash at the end. As in Amazon's SDK, a bucket cannot be put before an IP address.
func address(to *livekit.S3Upload) string {
	endpoint := to.Endpoint
	if endpoint == "" {
		endpoint = fmt.Sprintf("https://s3.%s.amazonaws.com", region(to))
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	endpoint = strings.TrimSuffix(endpoint, "/")
	parsed, err := url.Parse(endpoint)
	if err != nil || to.ForcePathStyle || net.ParseIP(parsed.Hostname()) != nil {
		return endpoint + "/" + to.Bucket + "/"
	}
	parsed.Host = to.Bucket + "." + parsed.Host
	return parsed.String() + "/"
}

// escape is the path of a key as it is signed.
func escape(key string) string {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	return strings.Join(parts, "/")
}
