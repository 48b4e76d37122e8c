import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { loadConfig } from "./api/config";
import { finishSignIn } from "./api/oidc";
import { ApiError } from "./api/problem";
import { router } from "./router";

const MAX_RETRIES = 2;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      retry: (count, error) => count < MAX_RETRIES && !(error instanceof ApiError && !error.retryable),
    },
  },
});

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no element #root");

void loadConfig()
  .then(finishSignIn)
  .catch(() => undefined) // the page asks again, for a sign-in or a token
  .then(() =>
    createRoot(place).render(
      <StrictMode>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </StrictMode>,
    ),
  );
