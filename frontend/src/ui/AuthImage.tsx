import { type ReactNode, useEffect, useState } from "react";
import { fetchPath } from "../api/client";
import { apiUrl } from "../api/config";
import { useToken } from "../api/token";

interface AuthImageProps {
  path: string;
  alt: string;
  fallback?: ReactNode;
}

/** Show a picture of the API. An `<img>` cannot send a token, so with one the picture is read by fetch. */
export function AuthImage({ path, alt, fallback = null }: AuthImageProps) {
  const token = useToken();
  const [read, setRead] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    setFailed(false);
    if (!token) return;
    let address = "";
    const ended = new AbortController();
    fetchPath(path, { signal: ended.signal })
      .then((answer) => answer.blob())
      .then((blob) => {
        address = URL.createObjectURL(blob);
        setRead(address);
      })
      .catch(() => setFailed(!ended.signal.aborted));
    return () => {
      ended.abort();
      URL.revokeObjectURL(address);
    };
  }, [path, token]);

  const source = token ? read : apiUrl(path);
  if (failed || source === null) return fallback;
  return <img src={source} alt={alt} loading="lazy" decoding="async" onError={() => setFailed(true)} />;
}
